use super::*;
use crate::base::Rng;

/// A random graph in which each node has four mutual neighbours: a ring with chords of one length.
fn ring(n: usize, chord: usize) -> Vec<[u32; 4]> {
    let at = |i: usize, d: usize| ((i + d) % n) as u32;
    (0..n).map(|i| [at(i, 1), at(i, n - 1), at(i, chord), at(i, n - chord)]).collect()
}

/// A torus grid.
fn torus(w: usize, h: usize) -> Vec<[u32; 4]> {
    let at = |x: usize, y: usize| ((y % h) * w + x % w) as u32;
    (0..w * h)
        .map(|i| {
            let (x, y) = (i % w, i / w);
            [at(x + 1, y), at(x + w - 1, y), at(x, y + 1), at(x, y + h - 1)]
        })
        .collect()
}

/// Edmonds-Karp on a dense matrix: flow value and the nodes that the source reaches.
fn reference(arcs: &[[u32; 4]], caps: &[[u32; 4]], terminals: &[(u32, u32)]) -> (u64, Vec<bool>) {
    let n = arcs.len();
    let (s, t) = (n, n + 1);
    let mut c = vec![vec![0i64; n + 2]; n + 2];
    for i in 0..n {
        for k in 0..4 {
            c[i][arcs[i][k] as usize] += i64::from(caps[i][k]);
        }
        c[s][i] = i64::from(terminals[i].0);
        c[i][t] = i64::from(terminals[i].1);
    }
    let mut flow = 0;
    loop {
        let mut from = vec![usize::MAX; n + 2];
        from[s] = s;
        let mut queue = std::collections::VecDeque::from([s]);
        while let Some(v) = queue.pop_front() {
            for w in 0..n + 2 {
                if from[w] == usize::MAX && c[v][w] > 0 {
                    from[w] = v;
                    queue.push_back(w);
                }
            }
        }
        if from[t] == usize::MAX {
            return (flow as u64, from[..n].iter().map(|&f| f != usize::MAX).collect());
        }
        let mut path = Vec::new();
        let mut at = t;
        while at != s {
            path.push((from[at], at));
            at = from[at];
        }
        let push = path.iter().map(|&(a, b)| c[a][b]).min().expect("a path");
        for (a, b) in path {
            c[a][b] -= push;
            c[b][a] += push;
        }
        flow += push;
    }
}

#[test]
fn agrees_with_edmonds_karp() {
    let mut rng = Rng::new(4, 4);
    for round in 0..400 {
        let arcs = match round % 4 {
            0 => ring(5 + round % 9, 2),
            1 => ring(20 + round % 13, 7),
            2 => torus(5, 6),
            _ => torus(3 + round % 5, 4 + round % 7),
        };
        let max = [2, 10, 1000][round % 3];
        let sparse = round % 5 == 0;
        let caps: Vec<[u32; 4]> = arcs
            .iter()
            .map(|_| [0; 4].map(|_| if sparse && rng.below(3) > 0 { 0 } else { rng.below(max) as u32 }))
            .collect();
        let terminals: Vec<(u32, u32)> = arcs
            .iter()
            .map(|_| match rng.below(if sparse { 12 } else { 5 }) {
                0 => (rng.below(4 * max) as u32, 0),
                1 => (0, rng.below(4 * max) as u32),
                2 => (rng.below(max) as u32, rng.below(max) as u32),
                _ => (0, 0),
            })
            .collect();
        let (flow, side) = reference(&arcs, &caps, &terminals);
        let mut graph = CutGraph::new(arcs.iter().copied());
        for i in 0..arcs.len() {
            graph.set_arcs(i, caps[i]);
            graph.set_terminals(i, terminals[i].0, terminals[i].1);
        }
        assert_eq!(graph.solve(&Ctx::silent()), Ok(flow), "round {round}");
        let found: Vec<bool> = (0..arcs.len()).map(|i| graph.on_source_side(i)).collect();
        assert_eq!(found, side, "round {round}");
    }
}

#[test]
fn unlimited_capacities_do_not_overflow() {
    let arcs = ring(6, 2);
    let mut graph = CutGraph::new(arcs.into_iter());
    for i in 0..6 {
        graph.set_arcs(i, [u32::MAX; 4]);
        graph.add_arc(i, 0, u32::MAX);
    }
    graph.set_terminals(0, u32::MAX, 0);
    graph.set_terminals(3, 0, 7);
    assert_eq!(graph.solve(&Ctx::silent()), Ok(7));
    assert!((0..6).all(|i| graph.on_source_side(i)));
}

#[test]
fn the_cut_of_a_large_grid_costs_what_flows() {
    let (w, h) = (400, 300);
    let arcs = torus(w, h);
    let mut graph = CutGraph::new(arcs.iter().copied());
    let mut rng = Rng::new(8, 8);
    let (mut caps, mut ends) = (Vec::new(), Vec::new());
    for i in 0..w * h {
        let x = i % w;
        caps.push([0; 4].map(|_| rng.below(50) as u32));
        ends.push((if x < 40 { 60 } else { rng.below(9) as u32 }, if x > 200 && x < 240 { 60 } else { 0 }));
        graph.set_arcs(i, caps[i]);
        graph.set_terminals(i, ends[i].0, ends[i].1);
    }
    let flow = graph.solve(&Ctx::silent()).expect("not cancelled");
    let mut cut = 0u64;
    for i in 0..w * h {
        let inside = graph.on_source_side(i);
        cut += u64::from(if inside { ends[i].1 } else { ends[i].0 });
        let crossing = (0..4).filter(|&k| inside && !graph.on_source_side(arcs[i][k] as usize));
        cut += crossing.map(|k| u64::from(caps[i][k])).sum::<u64>();
    }
    assert!(flow > 0);
    assert_eq!(cut, flow);
}
