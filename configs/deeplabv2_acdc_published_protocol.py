# The SyMPIE paper's protocol: long side 1024, logits of image and mirror added, published weights.
_base_ = ['./deeplabv2_acdc.py']
model = dict(
    type='mmseg_sympie.MirrorEncoderDecoder',
    # The enhancer alone, as published: no source, nothing is matched.
    data_preprocessor=dict(type='mmseg_sympie.SyMPIEDataPreprocessor', source=None),
    decode_head=dict(num_branches=2))
test_dataloader = dict(dataset=dict(pipeline=[
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='mmseg_sympie.ResizeLongSide', long_side_px=1024),
    dict(type='PackSegInputs')
]))
load_from = 'checkpoints/deeplabv2_published.pth'
