_base_ = ['./_base_/datasets/photographs.py', './_base_/pretraining.py']
# The paper's recipe, a classifier alone and images as they are, on a thousand photographs and a
# CPU, with the lower rate that a batch of 32 needs. At 2.1 s a step: 9 minutes.
model = dict(
    type='mmseg_sympie.Pretrainer',
    upstream=[
        dict(
            type='mmseg_sympie.TorchvisionClassifier',
            name='mobilenet_v2',
            weights='checkpoints/mobilenet_v2-b0353104.pth')
    ],
    autocast='bfloat16')
train_cfg = dict(max_iters=250, val_interval=125)
optim_wrapper = dict(optimizer=dict(lr=4e-4))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.05, begin=0, end=50, by_epoch=False),
    dict(type='CosineAnnealingLR', eta_min=0, begin=50, end=250, by_epoch=False)
]
default_hooks = dict(checkpoint=dict(interval=50), logger=dict(interval=10))
