_base_ = ['./_base_/models/deeplabv2_r50.py', './_base_/datasets/cityscapes.py',
          './_base_/runtime.py']
# Caffe-style ImageNet weights (stride in the first 1x1 convolution), downloaded by MMEngine.
model = dict(backbone=dict(init_cfg=dict(
    type='Pretrained', checkpoint='open-mmlab://detectron2/resnet50_caffe')))
train_cfg = dict(type='IterBasedTrainLoop', max_iters=80000, val_interval=8000)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=5e-4))
param_scheduler = [dict(type='PolyLR', eta_min=1e-4, power=0.9, end=80000, by_epoch=False)]
load_from = 'checkpoints/deeplabv2_cityscapes.pth'
