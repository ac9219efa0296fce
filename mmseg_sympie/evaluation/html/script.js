'use strict';

for (const copy of document.querySelectorAll('img[data-place]')) {
  copy.src = copy.closest('.panel').querySelectorAll('.column:first-child img')[copy.dataset.place].src;
}

for (const slider of document.querySelectorAll('.slider')) {
  const stage = slider.querySelector('.stage');
  const range = slider.querySelector('input');
  const show = () => slider.style.setProperty('--cut', range.value + '%');
  const follow = event => {
    const box = stage.getBoundingClientRect();
    range.value = 100 * (event.clientX - box.left) / box.width;
    show();
  };
  range.addEventListener('input', show);
  stage.addEventListener('pointerdown', event => {
    stage.setPointerCapture(event.pointerId);
    follow(event);
  });
  stage.addEventListener('pointermove', event => {
    if (stage.hasPointerCapture(event.pointerId)) follow(event);
  });
  show();  // A browser may have kept the place of the last visit.
}

const table = document.querySelector('.scroll table');
const body = table.tBodies[0];
const headers = [...table.tHead.rows[1].cells];

function sortBy(header) {
  const column = headers.indexOf(header);
  const names = column === 0;
  // Names start with A, numbers with the largest.
  const first = names ? 'ascending' : 'descending';
  const second = names ? 'descending' : 'ascending';
  const order = header.getAttribute('aria-sort') === first ? second : first;
  const sign = order === 'ascending' ? 1 : -1;
  const value = row => row.cells[column].dataset.value;
  const compare = (a, b) => names
    ? sign * a.cells[0].textContent.localeCompare(b.cells[0].textContent)
    : sign * (value(a) - value(b));
  const rows = [...body.rows];
  const known = rows.filter(row => names || value(row) !== undefined).sort(compare);
  body.append(...known, ...rows.filter(row => !known.includes(row)));
  headers.forEach(other => other.removeAttribute('aria-sort'));
  header.setAttribute('aria-sort', order);
}

for (const header of headers) {
  header.querySelector('button').addEventListener('click', () => sortBy(header));
}
