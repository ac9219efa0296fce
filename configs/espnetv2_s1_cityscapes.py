_base_ = ['./espnetv2_cityscapes.py']
# The smaller network: 60.1 mIoU on Cityscapes val, where the other has 66.4.
model = dict(
    backbone=dict(scale=1.0), decode_head=dict(in_channels=[32, 64, 128, 256]))
load_from = 'checkpoints/espnetv2_s1_cityscapes.pth'
