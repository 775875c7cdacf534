//! Whether a glob can match something below a folder.

use globset::{GlobBuilder, GlobMatcher};

/// What a rule says about the inside of a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Nothing below it can match.
    None,
    /// Something below it could match, as it could below any folder: the glob floats, and none of its names is met yet.
    Room,
    /// The folder lies on the glob's way: something below it matches, or would if it existed.
    Known,
}

/// A glob, taken apart at its slashes.
#[derive(Debug, Clone)]
pub(super) enum Segments {
    Each(Vec<Segment>),
    /// It floats and has one name (`**/auth/**`, `**/*.pem`), as most do. Where the folder meets that name, so does
    /// a file right inside it, which the caller has tried; there is nothing to walk.
    OneName,
    /// It cannot be taken apart (`{a,b/c}`): it counts for every folder rather than for none.
    Whole,
}

#[derive(Debug, Clone)]
pub(super) enum Segment {
    /// `**`: any number of folders.
    Any,
    Name(GlobMatcher),
}

impl Segments {
    pub(super) fn of(glob: &str) -> Self {
        glob.split('/')
            .map(|segment| match segment {
                "**" => Some(Segment::Any),
                name => GlobBuilder::new(name)
                    .case_insensitive(true)
                    .backslash_escape(false)
                    .build()
                    .ok()
                    .map(|name| Segment::Name(name.compile_matcher())),
            })
            .collect::<Option<Vec<_>>>()
            .map_or(Self::Whole, |segments| match segments.as_slice() {
                [Segment::Any, Segment::Name(_)] | [Segment::Any, Segment::Name(_), Segment::Any] => {
                    Self::OneName
                }
                _ => Self::Each(segments),
            })
    }

    /// Walks down the folder's names and keeps every place in the glob at which they could have led; the folder is
    /// reached into where a place is left with more of the glob ahead.
    pub(super) fn reach_into(&self, folder: &str) -> Reach {
        let segments = match self {
            _ if folder.is_empty() => return Reach::Known,
            Self::Each(segments) => segments,
            Self::OneName => return Reach::Room,
            Self::Whole => return Reach::Known,
        };
        // Places before and at the first name of a glob that floats (`**/auth/**`): every folder is there.
        let floating = segments
            .iter()
            .take_while(|segment| matches!(segment, Segment::Any))
            .count();
        let mut places = arrive([0].into_iter(), segments);
        for name in folder.split('/') {
            let next = places.iter().filter_map(|&place| match segments.get(place)? {
                Segment::Any => Some(place),
                Segment::Name(pattern) => pattern.is_match(name).then_some(place + 1),
            });
            places = arrive(next, segments);
        }
        places.retain(|&place| place < segments.len());
        if places.is_empty() {
            Reach::None
        } else if floating == segments.len() || places.iter().any(|&place| place > floating) {
            Reach::Known
        } else {
            Reach::Room
        }
    }
}

/// These places, and those behind a `**` that stands for no folder at all; each once.
fn arrive(places: impl Iterator<Item = usize>, segments: &[Segment]) -> Vec<usize> {
    let mut arrived: Vec<usize> = Vec::new();
    for mut place in places {
        while !arrived.contains(&place) {
            arrived.push(place);
            if matches!(segments.get(place), Some(Segment::Any)) {
                place += 1;
            }
        }
    }
    arrived
}
