_base_ = './runtime.py'
# What training on distorted images has in common.
model = dict(type='mmseg_sympie.DistortionTrainer', autocast='bfloat16')
train_dataloader = dict(
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='mmseg_sympie.RoundRobinSampler'),
    dataset=dict(type='mmseg_sympie.PretrainingStream'),
    collate_fn=dict(type='mmseg_sympie.stack_images'))
train_cfg = dict(type='mmseg_sympie.PretrainLoop')
# For correction units. DeepCorrect's own, SGD with Nesterov's momentum, learns more slowly: the
# gradient of units in a row is large, above all that of the first, so that it has to be clipped.
optim_wrapper = dict(
    type='OptimWrapper', optimizer=dict(type='AdamW', lr=5e-4, weight_decay=0))
default_hooks = dict(checkpoint=dict(interval=50), logger=dict(interval=10))
custom_hooks = [dict(type='mmseg_sympie.ExportTrained')]
randomness = dict(seed=0)
