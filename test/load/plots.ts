/** Plots as SVG, drawn without a browser. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as echarts from 'echarts';
import type { Plot } from './measurement.ts';

const SIZE = { width: 900, height: 480 };

export const svgOf = ({ title, xTitle, yTitle, logX = false, series }: Plot): string => {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, ...SIZE });
  chart.setOption({
    animation: false,
    backgroundColor: '#fff',
    title: { text: title, left: 'center' },
    legend: { top: 32 },
    grid: { left: 80, right: 40, top: 90, bottom: 60 },
    xAxis: { type: logX ? 'log' : 'value', name: xTitle, nameLocation: 'middle', nameGap: 32 },
    yAxis: { type: 'value', name: yTitle },
    series: series.map(({ name, points }) => ({
      type: 'line',
      name,
      data: points.map((point) => [...point]),
      showSymbol: points.length < 20,
      // The ceilings stand behind what is measured.
      lineStyle: { type: name.includes('without') ? 'dashed' : 'solid' },
    })),
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
};

/** Writes each plot into `folder`; returns the paths. */
export const writePlots = (plots: readonly Plot[], folder: string): string[] =>
  plots.map((plot) => {
    const path = join(folder, `${plot.name}.svg`);
    writeFileSync(path, svgOf(plot));
    return path;
  });
