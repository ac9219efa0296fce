# ImageNet weights: docs/model_zoo.md.
model = dict(
    type='ImageClassifier',
    data_preprocessor=dict(
        type='ClsDataPreprocessor', mean=[127, 127, 127], std=[128, 128, 128], to_rgb=True),
    backbone=dict(type='mmseg_sympie.EfficientNetLite', variant='lite0'),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(type='LinearClsHead', num_classes=1000, in_channels=1280))
default_scope = 'mmpretrain'
load_from = 'checkpoints/efficientnet_lite0_imagenet.pth'
