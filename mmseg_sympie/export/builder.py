"""ONNX graphs written as calls, one for each operator."""
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 18  # The first whose Resize antialiases.
FLOAT, DOUBLE, INT64, UINT8 = (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.INT64,
                               TensorProto.UINT8)

Input = str | np.ndarray | int | float | Sequence


class Builder:
    """Every ONNX operator as a method: `builder.Add(x, 1.0)` adds a node and names its output.

    Names stand for outputs of other nodes. Arrays, numbers and lists become constants; whole
    numbers are int64, others float32. An empty name leaves an input out. `output` names what comes
    out, for a graph around or after this one.

    Args:
        prefix: of all names, because those of a graph inside another must not be the other's.
    """

    def __init__(self, prefix: str = ''):
        self.prefix = prefix
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[TensorProto] = []

    def __getattr__(self, operator: str):
        if not operator[0].isupper():
            raise AttributeError(operator)

        def add(*inputs: Input, outputs: int = 1, output: str | None = None,
                **attributes: Any) -> str | list:
            names = [f'{self.prefix}{operator}_{len(self.nodes)}_{i}' for i in range(outputs)]
            names = names if output is None else [output]
            self.nodes.append(helper.make_node(operator, [self.name(each) for each in inputs],
                                               names, **attributes))
            return names[0] if outputs == 1 else names
        return add

    def name(self, value: Input) -> str:
        """The name of an output, or of the constant that a value becomes."""
        if isinstance(value, str):
            return value
        array = np.asarray(value)
        if not isinstance(value, np.ndarray):
            array = array.astype(np.int64 if array.dtype.kind == 'i' else np.float32)
        name = f'{self.prefix}constant_{len(self.constants)}'
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def graph(self, name: str, inputs: Sequence[onnx.ValueInfoProto],
              outputs: Sequence[onnx.ValueInfoProto]) -> onnx.GraphProto:
        """Make a graph of the nodes added so far."""
        return helper.make_graph(self.nodes, name, inputs, outputs, self.constants)
