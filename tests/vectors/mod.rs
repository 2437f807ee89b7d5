//! The vectors that `generate.php` wrote.

/// The rows of a file, without its header.
pub fn rows<const N: usize>(file: &'static str) -> impl Iterator<Item = [&'static str; N]> {
    file.lines().skip(1).map(|line| {
        let columns: Vec<_> = line.split('\t').collect();
        columns.try_into().expect("a row has every column")
    })
}
