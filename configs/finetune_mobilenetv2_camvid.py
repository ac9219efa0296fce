_base_ = ['./deepcorrect_mobilenetv2_camvid.py']
# The same steps for all weights of the segmentor.
model = dict(corrections=None, l1=0)
optim_wrapper = dict(clip_grad=None, optimizer=dict(lr=0.002, weight_decay=5e-4))
