# How all figures of scenarios look: read by gnuplot before each figure.gp.
set terminal svg noenhanced size 800,400 background rgb 'white' font 'sans,13'
set border 3 lc rgb '#404040'
set tics nomirror out scale 0.5 tc rgb '#404040'
set grid lc rgb '#E0E0E0' lt 1 lw 0.8
set key left top Left reverse samplen 3 spacing 1.15
set title offset 0,-0.3
data = 'figure.dat'

# Colours that colour-blind people can tell apart (Okabe and Ito), and dashes for print in grey:
# 1 is the broken variant, 2 the mended one, others are further variants.
set style line 1 lc rgb '#D55E00' lw 2.5 dt solid
set style line 2 lc rgb '#0072B2' lw 2.5 dt (8,4)
set style line 3 lc rgb '#009E73' lw 2 dt (2,3)
set style line 4 lc rgb '#CC79A7' lw 2 dt (10,3,2,3)
set style line 5 lc rgb '#404040' lw 1.2 dt (4,4)

# An axis of percentiles, where 1/(1-p) is drawn.
percentiles = "set logscale x; set xlabel 'percentile of requests'; " . \
    "set xtics ('0' 1, '50' 2, '90' 10, '99' 100, '99.9' 1000, '99.99' 10000)"
