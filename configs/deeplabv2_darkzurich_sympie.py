_base_ = ['./deeplabv2_darkzurich.py']
model = dict(
    data_preprocessor=dict(type='mmseg_sympie.SyMPIEDataPreprocessor', source='cityscapes'))
