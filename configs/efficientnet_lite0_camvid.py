_base_ = ['./_base_/models/fpn_efficientnet_lite0.py', './_base_/datasets/camvid.py',
          './_base_/schedule_1600.py', './_base_/runtime.py']
# ImageNet weights: docs/model_zoo.md.
model = dict(backbone=dict(init_cfg=dict(
    type='Pretrained', checkpoint='checkpoints/efficientnet_lite0_imagenet.pth',
    prefix='backbone.')))
default_hooks = dict(checkpoint=dict(interval=400))
load_from = 'checkpoints/efficientnet_lite0_camvid.pth'
