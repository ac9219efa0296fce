_base_ = './efficientnet_lite0.py'
model = dict(backbone=dict(variant='lite1'))
load_from = 'checkpoints/efficientnet_lite1_imagenet.pth'
