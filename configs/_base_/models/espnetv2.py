# ESPNetv2 (docs/model_zoo.md): RGB, standardised as for ImageNet, frames resized to 1024x512.
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        pad_val=0,
        seg_pad_val=255,
        size=(512, 1024)),
    backbone=dict(type='mmseg_sympie.ESPNetv2', scale=2.0),
    decode_head=dict(
        type='mmseg_sympie.ESPNetv2Head',
        in_channels=[32, 128, 256, 512],
        num_classes=19,
        loss_decode=dict(type='CrossEntropyLoss')),
    test_cfg=dict(mode='whole'))
