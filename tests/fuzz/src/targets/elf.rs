//! Locates the sections of a 64-bit little-endian ELF file.

/// Bytes of a section header.
pub const HEADER: usize = 64;
/// Offset of `sh_type` in a section header.
const TYPE: usize = 4;
/// Offset of `sh_offset` in a section header.
pub const OFFSET: usize = 24;
/// Offset of `sh_size` in a section header.
pub const SIZE: usize = 32;

/// A section that lies inside the file.
pub struct Section<'a> {
    /// The name, without its NUL.
    pub name: &'a [u8],
    /// Offset of the header in the file.
    #[allow(dead_code, reason = "only the mutators use it")]
    pub header: usize,
    /// Offset of the content in the file.
    pub offset: usize,
    /// Bytes of the content in the file.
    pub size: usize,
}

/// The little-endian number of `N` bytes at an offset.
pub fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<usize> {
    let mut wide = [0; 8];
    wide[..N].copy_from_slice(bytes.get(at..at.checked_add(N)?)?);
    usize::try_from(u64::from_le_bytes(wide)).ok()
}

/// The sections, without empty ones and those outside the file.
pub fn sections(bytes: &[u8]) -> Vec<Section<'_>> {
    all(bytes).unwrap_or_default()
}

/// Offsets of the section headers, which may be outside the file.
fn headers(bytes: &[u8]) -> Option<Vec<usize>> {
    bytes.starts_with(b"\x7fELF").then_some(())?;
    let (table, count) = (number::<8>(bytes, 0x28)?, number::<2>(bytes, 0x3c)?);
    (0..count)
        .map(|index| table.checked_add(index * HEADER))
        .collect()
}

fn all(bytes: &[u8]) -> Option<Vec<Section<'_>>> {
    let headers = headers(bytes)?;
    let names = *headers.get(number::<2>(bytes, 0x3e)?)?;
    let names = number::<8>(bytes, names.checked_add(OFFSET)?)?;
    let found = headers.into_iter().filter_map(|header| {
        bytes.get(header..header.checked_add(HEADER)?)?;
        let offset = number::<8>(bytes, header + OFFSET)?;
        let size = number::<8>(bytes, header + SIZE)?;
        bytes.get(offset..offset.checked_add(size)?)?;
        let name = bytes.get(names.checked_add(number::<4>(bytes, header)?)?..)?;
        let name = name.split(|&byte| byte == 0).next()?;
        (size > 0).then_some(Section {
            name,
            header,
            offset,
            size,
        })
    });
    Some(found.collect())
}

/// Total memory of sections without content in the file, such as `.bss`.
pub fn bytes_of_zeros(bytes: &[u8]) -> usize {
    const NOBITS: usize = 8;
    let sizes = headers(bytes).into_iter().flatten().filter_map(|header| {
        let kind = number::<4>(bytes, header.checked_add(TYPE)?)?;
        number::<8>(bytes, header.checked_add(SIZE)?).filter(|_| kind == NOBITS)
    });
    sizes.fold(0, usize::saturating_add)
}
