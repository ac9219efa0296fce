_base_ = './efficientnet_lite0.py'
model = dict(backbone=dict(variant='lite2'))
load_from = 'checkpoints/efficientnet_lite2_imagenet.pth'
