_base_ = ['./sympie_resnet50_imagenet.py']
# The paper's pretraining through MMPretrain's own ResNet-50, whose weights MMPretrain downloads; a
# config file of MMPretrain's style and weights=FILE do as well. Not run by us.
model = dict(upstream=[
    dict(type='mmseg_sympie.MMPretrainClassifier', config='resnet50_8xb32_in1k')
])
