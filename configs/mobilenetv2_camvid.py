_base_ = ['./_base_/models/deeplabv2_mobilenetv2.py', './_base_/datasets/camvid.py',
          './_base_/schedule_1600.py', './_base_/runtime.py']
# ImageNet weights: docs/data.md.
model = dict(backbone=dict(init_cfg=dict(
    type='Pretrained', checkpoint='checkpoints/mobilenetv2_imagenet.pth')))
default_hooks = dict(checkpoint=dict(interval=400))
load_from = 'checkpoints/mobilenetv2_camvid.pth'
