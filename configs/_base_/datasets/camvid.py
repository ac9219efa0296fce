# CamVid, 11 classes: trained on daylight, tested on other daylight and on dusk.
data_root = 'data/camvid'
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='RandomResize', scale=(480, 360), ratio_range=(0.75, 1.75), keep_ratio=True),
    dict(type='RandomCrop', crop_size=(256, 320), cat_max_ratio=0.75),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackSegInputs')
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs')
]
train_dataloader = dict(
    batch_size=6,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler', shuffle=True),
    dataset=dict(
        type='mmseg_sympie.CamVidDataset',
        data_root=data_root,
        split='train',
        sequences=['0006R0', '0016E5'],
        pipeline=train_pipeline))
test_dataloader = dict(
    batch_size=1,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='mmseg_sympie.CamVidDataset',
        data_root=data_root,
        parts=[
            dict(split='test', sequences=['Seq05VD'], condition='daylight'),
            dict(split='train', sequences=['0001TP'], condition='dusk')
        ],
        test_mode=True,
        pipeline=test_pipeline))
test_evaluator = dict(type='mmseg_sympie.SegmentationReport')
test_cfg = dict(type='TestLoop')
