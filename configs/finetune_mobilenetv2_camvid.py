_base_ = ['./deepcorrect_mobilenetv2_camvid.py']
# The same steps for all weights of the segmentor. In float32: in bfloat16 on a CPU, two runs of two
# ended with NaN, once in the loss and once in the statistics of batch norm.
model = dict(corrections=None, l1=0, autocast=None)
optim_wrapper = dict(optimizer=dict(
    _delete_=True, type='SGD', lr=0.002, momentum=0.9, nesterov=True, weight_decay=5e-4))
