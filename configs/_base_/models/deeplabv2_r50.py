# DeepLabV2, ResNet-50, input BGR minus the Caffe mean. The published weights want num_branches=2.
norm_cfg = dict(type='SyncBN', requires_grad=True)
model = dict(
    type='EncoderDecoder',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[104.00698793, 116.66876762, 122.67891434],
        std=[1.0, 1.0, 1.0],
        bgr_to_rgb=False,
        pad_val=0,
        seg_pad_val=255,
        size=(512, 1024)),
    backbone=dict(type='mmseg_sympie.DeepLabV2ResNet', depth=50, norm_cfg=norm_cfg),
    decode_head=dict(
        type='mmseg_sympie.DeepLabV2Head',
        in_channels=2048,
        in_index=3,
        num_classes=19,
        loss_decode=dict(type='CrossEntropyLoss')),
    test_cfg=dict(mode='whole'))
