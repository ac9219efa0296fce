_base_ = './sympie_shipped_start.py'
# The next 1,200 of the 3,100 steps behind the weights that ship: a third classifier, other draws,
# and batch norm's statistics as they are; 73 minutes on two CPU cores, beside other work.
photographs = {{_base_.photographs}}
train_dataloader = dict(
    sampler=dict(turns=[0, 1, 2, 3]),
    dataset=dict(sources=[photographs, photographs, photographs, {{_base_.street_crops}}]))
model = dict(
    upstream=[
        {{_base_.mobilenetv2}}, {{_base_.efficientnet_lite1}},
        dict(
            type='mmseg_sympie.MMPretrainClassifier',
            config='configs/classifiers/efficientnet_lite2.py'), {{_base_.segmentor}}
    ],
    enhancer=dict(checkpoint='work_dirs/sympie_shipped_start/enhancer.pth'),
    batch_norm_steps=0,
    seed=1)
randomness = dict(seed=1)
train_cfg = dict(max_iters=1200, val_interval=400)
param_scheduler = [
    dict(type='LinearLR', start_factor=0.05, begin=0, end=40, by_epoch=False),
    dict(type='CosineAnnealingLR', eta_min=0, begin=40, end=1200, by_epoch=False)
]
