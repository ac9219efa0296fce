_base_ = './runtime.py'
# What every pretraining run has in common: loop, validation, logs, pictures, several processes.
train_cfg = dict(type='mmseg_sympie.PretrainLoop', max_iters=50000, val_interval=2500)
# All 37 numbers are sums over 512 features: at the other layers' rate, Adam's first steps throw
# them far off the identity, and the loss rises.
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='Adam', lr=1e-3),
    paramwise_cfg=dict(custom_keys={'nem.head': dict(lr_mult=0.2)}))
val_evaluator = dict(type='mmseg_sympie.HeldOutAccuracy')
val_cfg = dict(type='ValLoop')
default_hooks = dict(checkpoint=dict(interval=500))
custom_hooks = [dict(type='mmseg_sympie.ExportEnhancer')]
model_wrapper_cfg = dict(type='MMSeparateDistributedDataParallel')
sync_bn = 'torch'
randomness = dict(seed=0)
