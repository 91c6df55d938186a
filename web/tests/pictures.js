// Screenshots of every page in every look, and one sheet with all of them.
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const directory = fileURLToPath(new URL('screens', import.meta.url));

/** A name as it stands in file names. */
const plain = (text) => text.replace(/[^a-z0-9]+/gi, '-').toLowerCase();

const escape = (text) => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);

export class Pictures {
  constructor() {
    this.pages = new Map(); // of a page, the files by look
  }

  static async open() {
    await rm(directory, { recursive: true, force: true });
    await mkdir(directory, { recursive: true });
    return new Pictures();
  }

  async take(page, name, look) {
    const file = `${plain(name)}_${plain(look)}.png`;
    await page.screenshot({ path: join(directory, file), fullPage: true, animations: 'disabled', caret: 'hide' });
    if (!this.pages.has(name)) this.pages.set(name, new Map());
    this.pages.get(name).set(look, file);
  }

  /** Writes screens/index.html and the same as a picture, screens/sheet.png. */
  async close(browser) {
    if (this.pages.size === 0) return;
    const figure = ([look, file]) => `<figure><a href="${file}"><img src="${file}" alt=""></a><figcaption>${escape(look)}</figcaption></figure>`;
    const rows = [...this.pages].sort(([a], [b]) => a.localeCompare(b))
      .map(([name, looks]) => `<section><h2>${escape(name)}</h2><div>${[...looks].map(figure).join('')}</div></section>`);
    const sheet = join(directory, 'index.html');
    await writeFile(sheet, `<!doctype html><html lang="en"><meta charset="utf-8"><title>Pages</title><style>
body { font: 14px system-ui; margin: 2rem; background: #ddd; } div { display: flex; gap: 1rem; flex-wrap: wrap; align-items: start; }
figure { margin: 0; } img { height: 220px; max-width: 420px; object-fit: cover; object-position: top; border: 1px solid #888; }
figcaption { max-width: 220px; } h2 { margin: 1rem 0 .5rem; }</style>${rows.join('\n')}</html>`);
    const page = await browser.newPage({ viewport: { width: 1600, height: 900 } });
    await page.goto(pathToFileURL(sheet).href, { waitUntil: 'load' });
    await page.screenshot({ path: join(directory, 'sheet.png'), fullPage: true });
    await page.close();
  }
}
