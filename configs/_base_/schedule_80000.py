train_cfg = dict(type='IterBasedTrainLoop', max_iters=80000, val_interval=8000)
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=5e-4))
param_scheduler = [dict(type='PolyLR', eta_min=1e-4, power=0.9, end=80000, by_epoch=False)]
