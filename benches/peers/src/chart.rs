//! The chart: one bar for each contestant, on a linear axis that begins at zero.

use std::fs;

use charts_rs::{Align, Box, HorizontalBarChart, Series};

use crate::report::Row;
use crate::rust_peers::LIBRARY;

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/peers.svg");
const TITLE: &str = "Verification of one 54-byte message, time relative to whmcs-auth";

pub fn write(rows: &[Row]) {
    // The crate draws the first bar at the bottom.
    let from_slowest = || rows.iter().rev();
    let names = from_slowest().map(|row| row.name.clone()).collect();
    let ratios = from_slowest().map(|row| row.ratio as f32).collect();
    let colors = from_slowest().map(|row| match &*row.name {
        LIBRARY => Some("#b7410e".into()),
        _ => Some("#4c78a8".into()),
    });
    let mut bars = Series::new(String::new(), ratios);
    bars.colors = Some(colors.collect());
    bars.label_show = true;

    let mut chart = HorizontalBarChart::new(vec![bars], names);
    chart.width = 760.0;
    chart.height = 460.0;
    chart.font_family = "sans-serif".to_owned();
    chart.legend.show = Some(false);
    chart.title.text = TITLE.to_owned();
    chart.title.align = Align::Left;
    chart.series.label.formatter = "{:.1}".to_owned();
    // The crate computes widths for Roboto. Another font can be wider.
    chart.x_axis.name_gap = 32.0;
    chart.y_axis_configs[0].split_number = 4;
    chart.margin = Box { left: 40.0, top: 12.0, right: 48.0, bottom: 12.0 };

    let svg = chart.svg().expect("a chart");
    fs::write(PATH, svg).expect("the chart can be written");
}
