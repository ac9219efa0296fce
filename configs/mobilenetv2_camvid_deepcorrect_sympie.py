_base_ = ['./mobilenetv2_camvid_deepcorrect.py']
model = dict(data_preprocessor=dict(type='mmseg_sympie.SyMPIEDataPreprocessor'))
