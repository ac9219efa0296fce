"""Write docs/model_zoo.md: its tables from model_zoo.json, its text from model_zoo.in.md."""
import json
from pathlib import Path

HERE = Path(__file__).parent
HEAD = ['name', 'weights', 'use', 'config', 'data', 'size', 'licence', 'scores', 'ONNX']


def page(zoo: dict, text: str) -> str:
    """The text, with a table in the place of each `{{name}}`."""
    for name, models in zoo.items():
        text = text.replace('{{' + name + '}}', table(models))
    return text


def table(models: list) -> str:
    """A table of models, and below it the SHA-256 of the files that are fixed."""
    rows = [HEAD, ['---'] * len(HEAD), *map(row, models)]
    lines = ['| ' + ' | '.join(cells) + ' |' for cells in rows]
    files = {fixed_file(model): model['sha256'] for model in models if 'sha256' in model}
    if files:
        lines += ['', '| file | SHA-256 |', '| --- | --- |',
                  *(f'| `{file}` | `{value}` |' for file, value in files.items())]
    return '\n'.join(lines)


def row(model: dict) -> list:
    """The cells of one model."""
    size = f"{model['size'] / 1e6:.1f} MB" if 'size' in model else ''
    onnx = {True: 'yes', False: 'no', None: ''}[model.get('onnx')]
    return [model['name'], f"`{model['file']}`", model['use'], f"`{model['config']}`",
            model['data'], size, model.get('licence', ''), model['scores'], onnx]


def fixed_file(model: dict) -> str:
    """The name of the file with that size and SHA-256: a published one, or one that ships."""
    return Path(model.get('original', model['file'])).name


def main() -> None:
    """Write the page."""
    zoo = json.loads((HERE / 'model_zoo.json').read_text())
    (HERE / 'model_zoo.md').write_text(page(zoo, (HERE / 'model_zoo.in.md').read_text()))


if __name__ == '__main__':
    main()
