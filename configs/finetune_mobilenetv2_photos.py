_base_ = ['./deepcorrect_mobilenetv2_photos.py']
# The same steps for all weights of the classifier.
model = dict(corrections=None, l1=0)
optim_wrapper = dict(clip_grad=None, optimizer=dict(lr=0.002, weight_decay=4e-5))
