# A small segmentor on synthetic scenes: trained on clear ones, tested on fog, night, rain and snow.
_base_ = ['./_base_/models/deeplabv2_mobilenetv2.py', './_base_/datasets/demo.py',
          './_base_/runtime.py']
# ImageNet weights: docs/data.md. Needed to train it again, not to test it.
model = dict(
    backbone=dict(init_cfg=dict(
        type='Pretrained', checkpoint='checkpoints/mobilenetv2_imagenet.pth')),
    decode_head=dict(num_classes=19))
train_cfg = dict(type='IterBasedTrainLoop', max_iters=800, val_interval=800)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.02, momentum=0.9, weight_decay=5e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, begin=0, end=50, by_epoch=False),
    dict(type='PolyLR', eta_min=0, power=0.9, begin=50, end=800, by_epoch=False)
]
default_hooks = dict(checkpoint=dict(interval=200))
randomness = dict(seed=0)
load_from = 'mmseg_sympie/weights/demo_segmentor.pth'
