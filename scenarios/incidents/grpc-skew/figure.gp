set multiplot layout 2,2 margins 0.07,0.98,0.15,0.85 spacing 0.08,0.22 \
    title 'Requests of each pod [1/s]; three are new at 20 s' offset 0,-0.2
set xrange [0:60]
set yrange [0:175]
set ytics 50
set title offset 0,-0.6
array variants[4] = ['broken', 'age', 'turns', 'fixed']
array titles[4] = ['as it is: pick_first, a cluster IP', 'max-age=1s', \
                   'round_robin, headless', 'round_robin, headless, max-age=10s']
do for [i = 1:4] {
    set title titles[i]
    set xlabel (i > 2 ? 'simulated time [s]' : '')
    if (i == 3) {
        set key left top maxrows 1 samplen 2 width -4
    } else {
        unset key
    }
    plot for [pod = 1:4] data index variants[i].' shop-'.pod with lines ls 1 lw 2 \
             title (pod == 1 ? 'shop-1 to shop-4' : ''), \
         for [pod = 1:3] data index variants[i].' new-'.pod with lines ls 2 lw 2 \
             title (pod == 1 ? 'new-1 to new-3' : '')
}
unset multiplot
