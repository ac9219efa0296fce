data_root = 'data/acdc'
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs')
]
test_dataloader = dict(
    batch_size=1,
    num_workers=2,
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
