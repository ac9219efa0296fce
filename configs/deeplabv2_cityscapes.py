_base_ = ['./_base_/models/deeplabv2_r50.py', './_base_/datasets/cityscapes.py',
          './_base_/schedule_80000.py', './_base_/runtime.py']
# Caffe-style ImageNet weights (stride in the first 1x1 convolution), downloaded by MMEngine.
model = dict(backbone=dict(init_cfg=dict(
    type='Pretrained', checkpoint='open-mmlab://detectron2/resnet50_caffe')))
load_from = 'checkpoints/deeplabv2_cityscapes.pth'
