import type PDFDocument from 'pdfkit'
import { printable } from './typeface.ts'

type Pdf = InstanceType<typeof PDFDocument>

/** Points: A4 with the margins and the address window of DIN 5008, form B. */
export const PAGE = { width: 595.28, height: 841.89, left: 71, right: 57, top: 57, bottom: 92 }
export const WIDTH = PAGE.width - PAGE.left - PAGE.right
export const RIGHT = PAGE.left + WIDTH

export const INK = '#111827'
export const MUTED = '#6b7280'
export const LINE = '#d1d5db'

export interface TextStyle {
  readonly size?: number
  readonly bold?: boolean
  readonly color?: string
  readonly align?: 'left' | 'right'
  readonly width?: number
}

const FONTS = { plain: 'Helvetica', bold: 'Helvetica-Bold' }

/** Draws text and rules on pages that follow one another; `y` is where the next thing goes. */
export class Page {
  readonly pdf: Pdf
  y = PAGE.top
  readonly #onNew: (page: Page) => void

  /** @param onNew draws what a page after the first begins with */
  constructor(pdf: Pdf, onNew: (page: Page) => void) {
    this.pdf = pdf
    this.#onNew = onNew
  }

  /** Text at a place, without moving on. @returns its height */
  at(x: number, y: number, text: string, style: TextStyle = {}): number {
    const { align = 'left' } = style
    const width = style.width ?? RIGHT - x
    const shown = this.#use(text, style)
    this.pdf.text(shown, x, y, { width, align, lineGap: 2 })
    return this.pdf.heightOfString(shown, { width, lineGap: 2 })
  }

  height(text: string, style: TextStyle): number {
    const shown = this.#use(text, style)
    return this.pdf.heightOfString(shown, { width: style.width ?? WIDTH, lineGap: 2 })
  }

  /** A paragraph over the whole width. */
  paragraph(text: string, style: TextStyle = {}): void {
    this.room(this.height(text, style))
    this.y += this.at(PAGE.left, this.y, text, style) + 4
  }

  rule(from = PAGE.left, to = RIGHT, color = LINE): void {
    this.pdf.lineWidth(0.5).strokeColor(color).moveTo(from, this.y).lineTo(to, this.y).stroke()
  }

  space(points: number): void {
    this.y += points
  }

  /** A new page, unless this much is left on this one. */
  room(points: number): void {
    if (this.y + points <= PAGE.height - PAGE.bottom) return
    this.pdf.addPage()
    this.y = PAGE.top
    this.#onNew(this)
  }

  #use(text: string, { size = 9, bold = false, color = INK }: TextStyle): string {
    this.pdf.font(bold ? FONTS.bold : FONTS.plain, size).fillColor(color)
    return printable(text)
  }
}
