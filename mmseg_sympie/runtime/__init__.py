"""The process and the machine: threads, allocator, devices, distributed processes."""
