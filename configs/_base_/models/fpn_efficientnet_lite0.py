# Panoptic FPN's semantic branch on EfficientNet-Lite0: another small model to train on a CPU.
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[127, 127, 127],
        std=[128, 128, 128],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
        size_divisor=32),
    backbone=dict(
        type='mmseg_sympie.EfficientNetLite', variant='lite0', out_indices=(1, 2, 4, 6)),
    neck=dict(
        type='FPN',
        in_channels=[24, 40, 112, 320],
        out_channels=96,
        num_outs=4),
    decode_head=dict(
        type='FPNHead',
        in_channels=[96, 96, 96, 96],
        in_index=[0, 1, 2, 3],
        feature_strides=[4, 8, 16, 32],
        channels=64,
        dropout_ratio=0.1,
        num_classes=11,
        norm_cfg=dict(type='BN'),
        align_corners=False,
        loss_decode=dict(type='CrossEntropyLoss')),
    test_cfg=dict(mode='whole'))
