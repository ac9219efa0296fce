_base_ = ['./espnetv2_s1_acdc.py']
model = dict(
    data_preprocessor=dict(type='mmseg_sympie.SyMPIEDataPreprocessor', source='cityscapes'))
