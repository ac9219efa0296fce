_base_ = ['./mobilenetv2_camvid.py']
# Correction units on top of the same checkpoint: docs/deepcorrect.md.
model = dict(backbone=dict(
    type='mmseg_sympie.CorrectedBackbone',
    backbone='MobileNetV2',
    checkpoint='checkpoints/deepcorrect_mobilenetv2_camvid.pth'))
