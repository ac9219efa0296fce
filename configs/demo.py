# A small segmentor on synthetic scenes: trained on clear ones, tested on fog, night, rain and snow.
_base_ = ['./_base_/models/deeplabv2_mobilenetv2.py', './_base_/datasets/demo.py',
          './_base_/runtime.py']
model = dict(
    backbone=dict(widen_factor=0.5),
    decode_head=dict(in_channels=160, num_classes=19))
train_cfg = dict(type='IterBasedTrainLoop', max_iters=2000, val_interval=2000)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=2e-3, weight_decay=1e-2))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, begin=0, end=100, by_epoch=False),
    dict(type='PolyLR', eta_min=0, power=0.9, begin=100, end=2000, by_epoch=False)
]
default_hooks = dict(checkpoint=dict(interval=500))
randomness = dict(seed=0)
load_from = 'mmseg_sympie/weights/demo_segmentor.pth'
