_base_ = ['./demo.py']
model = dict(data_preprocessor=dict(type='mmseg_sympie.SyMPIEDataPreprocessor'))
