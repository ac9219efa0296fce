_base_ = ['./mobilenetv2_camvid.py']
# SyMPIE corrects the match to the source; enhancer=dict(type='SourceMatch') is the match alone.
model = dict(
    data_preprocessor=dict(type='mmseg_sympie.SyMPIEDataPreprocessor', source='camvid'))
