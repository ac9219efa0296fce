# 1600 steps of SGD from ImageNet weights.
train_cfg = dict(type='IterBasedTrainLoop', max_iters=1600, val_interval=1600)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.02, momentum=0.9, weight_decay=5e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, begin=0, end=50, by_epoch=False),
    dict(type='PolyLR', eta_min=0, power=0.9, begin=50, end=1600, by_epoch=False)
]
randomness = dict(seed=0)
