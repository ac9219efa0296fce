_base_ = ['./deeplabv2_camvid.py']
model = dict(data_preprocessor=dict(type='mmseg_sympie.SyMPIEDataPreprocessor'))
