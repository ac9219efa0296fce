# Photographs to pretrain an enhancer on, and others to watch its accuracy. ImageNet's folders
# (train/n01440764/..., val/n01440764/...) work as well as labels.csv with the columns file,label.
train_dataloader = dict(
    batch_size=32,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='mmseg_sympie.RoundRobinSampler', batch_size=32),
    dataset=dict(
        type='mmseg_sympie.PretrainingStream',
        sources=[
            dict(
                type='mmseg_sympie.Photographs',
                root='data/imagenet_samples',
                random_crop=True)
        ]),
    collate_fn=dict(type='mmseg_sympie.stack_images'))
val_dataloader = dict(
    batch_size=32,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='mmseg_sympie.Photographs', root='data/photos_ccby', limit=200),
    collate_fn=dict(type='default_collate'))
