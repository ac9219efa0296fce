_base_ = ['./espnetv2_cityscapes.py']
# Matched to the source in closed form; enhancer=dict(type='SyMPIE') corrects the match.
model = dict(
    data_preprocessor=dict(type='mmseg_sympie.SyMPIEDataPreprocessor', source='cityscapes'))
