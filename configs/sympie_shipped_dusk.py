_base_ = './sympie_shipped.py'
# Goes on from the end of sympie_shipped.py with dusk four times as often: 240 steps, 20 minutes.
model = dict(
    enhancer=dict(checkpoint='work_dirs/sympie_shipped/enhancer.pth'),
    corruptions=6 * ['low_light'] + _base_.model.corruptions,
    batch_norm_steps=0,
    seed=1)
train_dataloader = dict(dataset=dict(seed=1))
train_cfg = dict(max_iters=240, val_interval=240)
optim_wrapper = dict(optimizer=dict(lr=1.5e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.05, begin=0, end=10, by_epoch=False),
    dict(type='CosineAnnealingLR', eta_min=0, begin=10, end=240, by_epoch=False)
]
