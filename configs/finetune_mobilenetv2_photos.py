_base_ = ['./deepcorrect_mobilenetv2_photos.py']
# The same steps for all weights of the classifier.
model = dict(corrections=None, l1=0)
optim_wrapper = dict(optimizer=dict(
    _delete_=True, type='SGD', lr=0.002, momentum=0.9, nesterov=True, weight_decay=4e-5))
