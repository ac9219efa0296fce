_base_ = ['./deeplabv2_acdc.py']
model = dict(
    data_preprocessor=dict(type='mmseg_sympie.SyMPIEDataPreprocessor', source='cityscapes'))
