_base_ = ['./espnetv2_cityscapes.py']
model = dict(
    data_preprocessor=dict(type='mmseg_sympie.SyMPIEDataPreprocessor', source='cityscapes'))
