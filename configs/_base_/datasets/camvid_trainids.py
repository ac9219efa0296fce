# CamVid in Cityscapes train ids, for segmentors trained on Cityscapes.
data_root = 'data/camvid'
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'),
    dict(type='PackSegInputs')
]
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
        label_space='cityscapes',
        test_mode=True,
        pipeline=test_pipeline))
test_evaluator = dict(type='mmseg_sympie.SegmentationReport')
test_cfg = dict(type='TestLoop')
