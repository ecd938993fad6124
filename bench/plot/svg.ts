/** A picture as text: SVG by hand, with colours for light and dark that tell apart without colour vision (after Okabe and Ito). */

type Attributes = Readonly<Record<string, string | number>>

export const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')

/** Coordinates to a tenth: less cannot be seen, and would make every rendering another. */
const valueOf = (value: string | number): string =>
  typeof value === 'number' ? String(Number(value.toFixed(1))) : escaped(value)

/** `children` are elements, and already escaped where they are text. */
export const el = (name: string, attributes: Attributes, ...children: ReadonlyArray<string>): string => {
  const all = Object.entries(attributes).map(([key, value]) => ` ${key}="${valueOf(value)}"`)
  const start = `<${name}${all.join('')}`
  return children.length === 0 ? `${start}/>` : `${start}>${children.join('')}</${name}>`
}

export type Anchor = 'start' | 'middle' | 'end'

export const label = (x: number, y: number, text: string, of = 'note', anchor: Anchor = 'start'): string =>
  el('text', { x, y, class: of, 'text-anchor': anchor }, escaped(text))

export const line = (x1: number, y1: number, x2: number, y2: number, of: string): string =>
  el('line', { x1, y1, x2, y2, class: of })

/** In light and in dark. */
const colours: Readonly<Record<string, readonly [light: string, dark: string]>> = {
  taskwire: ['#0072b2', '#56b4e9'],
  nestjs: ['#d55e00', '#f0883e'],
  'nestjs-ack': ['#a84a00', '#d9733a'],
  moleculer: ['#009e73', '#2fc79b'],
  grpc: ['#b0568a', '#d98fba'],
  raw: ['#6b6b6b', '#a6a6a6'],
  'raw-io-ts': ['#a3a3a3', '#757575'],
  other: ['#b08b00', '#e3c542'],
}

/** The class that gives a contender its colour. */
export const classOf = (name: string): string => {
  const found = name.replace(/[^a-z]+/g, '-')
  return Object.hasOwn(colours, found) ? found : 'other'
}

const scheme = (at: 0 | 1): string => {
  const [paper, ink, dim, grid] =
    at === 0 ? ['#fff', '#1f2328', '#59636e', '#d1d9e0'] : ['#0d1117', '#f0f6fc', '#9198a1', '#3d444d']
  return [
    `.paper{fill:${paper}}text{fill:${ink}}.note{fill:${dim};stroke:${paper}}.grid{stroke:${grid}}.axis{stroke:${dim}}.spread{stroke:${ink}}`,
    ...Object.entries(colours).map(
      ([name, pair]) => `.fill-${name}{fill:${pair[at]}}.line-${name}{stroke:${pair[at]}}`,
    ),
  ].join('')
}

const style = [
  'text{font:12px system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif}',
  '.title{font-size:15px;font-weight:600}.head{font-weight:600}.strong{font-weight:600}.note{font-size:11px;stroke-width:3px;paint-order:stroke}',
  '.grid,.axis,.spread{stroke-width:1}.reference{stroke-dasharray:4 3}.series{fill:none;stroke-width:2}',
  scheme(0),
  `@media(prefers-color-scheme:dark){${scheme(1)}}`,
].join('')

/** `description` is for those who cannot see it. */
export const picture = (
  width: number,
  height: number,
  title: string,
  description: string,
  body: ReadonlyArray<string>,
): string =>
  `${el(
    'svg',
    { xmlns: 'http://www.w3.org/2000/svg', viewBox: `0 0 ${width} ${height}`, width, height, role: 'img' },
    ...['\n', el('title', {}, escaped(title)), '\n', el('desc', {}, escaped(description)), '\n'],
    ...[el('style', {}, style), '\n', el('rect', { width, height, class: 'paper' }), '\n'],
    ...body.flatMap((one) => [one, '\n']),
  )}\n`
