# Synthetic street scenes in ACDC's tree, written by tools/render_scenes.py.
data_root = 'data/demo'
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='RandomResize', scale=(384, 192), ratio_range=(0.75, 1.5), keep_ratio=True),
    dict(type='RandomCrop', crop_size=(144, 288)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs')
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs')
]
train_dataloader = dict(
    batch_size=8,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type='mmseg_sympie.ACDCDataset',
        data_root=data_root,
        split='train',
        conditions=['clear'],
        pipeline=train_pipeline))
test_dataloader = dict(
    batch_size=4,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='mmseg_sympie.ACDCDataset',
        data_root=data_root,
        split='val',
        conditions=['fog', 'night', 'rain', 'snow'],
        test_mode=True,
        pipeline=test_pipeline))
test_evaluator = dict(type='mmseg_sympie.SegmentationReport')
test_cfg = dict(type='TestLoop')
